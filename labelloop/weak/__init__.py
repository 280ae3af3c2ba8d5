"""Rules and models as annotators that may abstain: their votes are fused like people's.

from labelloop.weak import labeling_function

@labeling_function
def prize(row):
    return "spam" if "prize" in row["text"].lower() else None
"""

from labelloop.weak.functions import LabelingFunction, labeling_function

__all__ = ["LabelingFunction", "labeling_function"]
