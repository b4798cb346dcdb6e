"""The one door to MiniStack: nothing outside of this folder imports it, or names what is inside.

A module for each service that we build on offers verbs, with what they promise in their docstrings. What a verb rests
on inside MiniStack is found in its source (`uses`) and compared with the release that it was written against
(`baseline`): at every start, and by `python -m localcloud.ministack` before an upgrade.
"""
