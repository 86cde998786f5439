"""Transforms that tests hand to a sync."""

import pandas as pd


def add_length(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(name_length=frame["name"].str.len())


def drop_a_row(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[1:]


def read_the_moon(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(moon=frame["moon"])


def add_untyped(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(note=None)


def return_nothing(frame: pd.DataFrame) -> None:
    return None
