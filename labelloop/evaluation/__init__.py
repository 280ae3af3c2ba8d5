"""How well the model does, what each label bought, and how sure that is."""
