"""Rules and models as annotators that may abstain: their votes are fused like people's.

from labelloop.weak import labeling_function

@labeling_function
def prize(row):
    return "spam" if "prize" in row["text"].lower() else None

A model's table of probabilities is an annotator of its own, which abstains where it is not sure enough:

    votes_of_model(ModelTable("bert", ("ham", "spam"), probabilities, abstain_below=0.9), items)
"""

from labelloop.weak.functions import LabelingFunction, labeling_function
from labelloop.weak.model_votes import ModelTable, votes_of_model

__all__ = ["LabelingFunction", "ModelTable", "labeling_function", "votes_of_model"]
