from jaxcnn.cli import main
from jaxcnn.models import MODELS


def test_every_model_is_listed(capsys):
    main(["models"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["model", "parameters", "multiply-adds", "image", "classes", "paper"]
    assert [row.split()[0] for row in rows] == list(MODELS)
    (row,) = [row for row in rows if row.startswith("resnet18 ")]
    assert row.split("  ")[0] == "resnet18"
    assert "11,689,512" in row
    assert "1,814.1 million" in row
    assert row.endswith("224 × 224 × 3     1000  He et al. 2015")
