"""Will a departing flight arrive more than a quarter of an hour late?"""

__version__ = "1.0.0"
