"""Run folders that hold nothing but a config."""

from jaxcnn.runs import RunFolder
from jaxcnn.runs.config_file import write_config
from jaxcnn.runs.folder import clear, make_folder


def begin(config):
    """The folder of a run that has just been begun."""
    folder = RunFolder(config.run_dir)
    make_folder(folder, config, folder.config)
    clear(folder, config, folder.config)
    write_config(folder, config, {})
    return folder
