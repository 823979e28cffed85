"""The Inception family of GENNAPE: four stages, each one block of one to four paths, repeated."""

from search_spaces.inception.architecture import InceptionArchitecture
from search_spaces.inception.space import Inception
from search_spaces.inception.stage import Branch, Stage

__all__ = ["Branch", "Inception", "InceptionArchitecture", "Stage"]
