"""Facts about each model: its paper, the images it is for, its parameters and multiply-adds."""

from typing import NamedTuple


class ModelFacts(NamedTuple):
    """What is known of a model without building it.

    Attributes:
        paper: authors and year of the paper.
        image: height, width and channels of the images that it is for.
        classes: for how many classes the numbers are.
        parameters: how many learned numbers it has.
        multiply_adds: how many multiplications with an addition one image takes, in convolutions
            and dense layers.
    """

    paper: str
    image: tuple[int, int, int]
    classes: int
    parameters: int
    multiply_adds: int


FACTS: dict[str, ModelFacts] = {
    "lenet": ModelFacts("LeCun et al. 1998", (28, 28, 1), 10, 61_706, 416_520),
    "lenet_modern": ModelFacts("LeCun et al. 1998", (28, 28, 1), 10, 61_706, 416_520),
    "lenet_bn": ModelFacts("Ioffe and Szegedy 2015", (28, 28, 1), 10, 62_158, 416_520),
    "alexnet": ModelFacts("Krizhevsky et al. 2012", (224, 224, 3), 1000, 61_100_840, 714_188_480),
    "vgg11": ModelFacts(
        "Simonyan and Zisserman 2015", (224, 224, 3), 1000, 132_863_336, 7_609_090_048
    ),
    "vgg11_bn": ModelFacts(
        "Simonyan and Zisserman 2015", (224, 224, 3), 1000, 132_868_840, 7_609_090_048
    ),
    "vgg13": ModelFacts(
        "Simonyan and Zisserman 2015", (224, 224, 3), 1000, 133_047_848, 11_308_466_176
    ),
    "vgg13_bn": ModelFacts(
        "Simonyan and Zisserman 2015", (224, 224, 3), 1000, 133_053_736, 11_308_466_176
    ),
    "vgg16": ModelFacts(
        "Simonyan and Zisserman 2015", (224, 224, 3), 1000, 138_357_544, 15_470_264_320
    ),
    "vgg16_bn": ModelFacts(
        "Simonyan and Zisserman 2015", (224, 224, 3), 1000, 138_365_992, 15_470_264_320
    ),
    "vgg19": ModelFacts(
        "Simonyan and Zisserman 2015", (224, 224, 3), 1000, 143_667_240, 19_632_062_464
    ),
    "vgg19_bn": ModelFacts(
        "Simonyan and Zisserman 2015", (224, 224, 3), 1000, 143_678_248, 19_632_062_464
    ),
    "nin": ModelFacts("Lin et al. 2014", (28, 28, 1), 10, 1_985_188, 184_923_424),
    "googlenet": ModelFacts("Szegedy et al. 2014", (224, 224, 3), 1000, 6_624_904, 1_498_376_192),
    "inception_v3": ModelFacts(
        "Szegedy et al. 2016", (299, 299, 3), 1000, 23_834_568, 5_713_216_096
    ),
    "squeezenet1_1": ModelFacts("Iandola et al. 2016", (224, 224, 3), 1000, 1_235_496, 349_151_936),
    "resnet18": ModelFacts("He et al. 2015", (224, 224, 3), 1000, 11_689_512, 1_814_073_344),
    "resnet34": ModelFacts("He et al. 2015", (224, 224, 3), 1000, 21_797_672, 3_663_761_408),
    "resnet50": ModelFacts("He et al. 2015", (224, 224, 3), 1000, 25_557_032, 4_089_184_256),
    "resnet101": ModelFacts("He et al. 2015", (224, 224, 3), 1000, 44_549_160, 7_801_405_440),
    "resnet152": ModelFacts("He et al. 2015", (224, 224, 3), 1000, 60_192_808, 11_513_626_624),
    "resnet20": ModelFacts("He et al. 2015", (32, 32, 3), 10, 272_474, 40_813_184),
    "resnet32": ModelFacts("He et al. 2015", (32, 32, 3), 10, 466_906, 69_124_736),
    "resnet44": ModelFacts("He et al. 2015", (32, 32, 3), 10, 661_338, 97_436_288),
    "resnet56": ModelFacts("He et al. 2015", (32, 32, 3), 10, 855_770, 125_747_840),
    "wide_resnet50_2": ModelFacts(
        "Zagoruyko and Komodakis 2016", (224, 224, 3), 1000, 68_883_240, 11_398_021_120
    ),
    "resnext50_32x4d": ModelFacts(
        "Xie et al. 2017", (224, 224, 3), 1000, 25_028_904, 4_230_479_872
    ),
    "densenet121": ModelFacts("Huang et al. 2017", (224, 224, 3), 1000, 7_978_856, 2_834_161_664),
    "mobilenet_v2": ModelFacts("Sandler et al. 2018", (224, 224, 3), 1000, 3_504_872, 300_774_272),
    "mobilenet_v3_small": ModelFacts(
        "Howard et al. 2019", (224, 224, 3), 1000, 2_542_856, 56_510_400
    ),
    "mobilenet_v3_large": ModelFacts(
        "Howard et al. 2019", (224, 224, 3), 1000, 5_483_032, 216_589_760
    ),
    "shufflenet_v2_x1_0": ModelFacts("Ma et al. 2018", (224, 224, 3), 1000, 2_278_604, 144_907_992),
    "mnasnet1_0": ModelFacts("Tan et al. 2019", (224, 224, 3), 1000, 4_383_312, 314_415_872),
    "efficientnet_b0": ModelFacts("Tan and Le 2019", (224, 224, 3), 1000, 5_288_548, 385_814_752),
    "efficientnet_v2_s": ModelFacts(
        "Tan and Le 2021", (384, 384, 3), 1000, 21_458_488, 8_365_617_152
    ),
    "regnet_y_400mf": ModelFacts(
        "Radosavovic et al. 2020", (224, 224, 3), 1000, 4_344_144, 401_842_848
    ),
    "convnext_tiny": ModelFacts("Liu et al. 2022", (224, 224, 3), 1000, 28_589_128, 4_455_531_264),
}
"""The facts of each model of `MODELS`."""
