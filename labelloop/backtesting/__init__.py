"""Replay campaigns on labeled data before money is spent: which strategy would have paid?"""
