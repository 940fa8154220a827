"""Runs the checks of this collection in parallel and prints a summary.

steps      the steps, and the machines on which they can run
processes  the process of a step: output, time, end
report     the results of the tests from the reports of pytest
progress   the running steps and their times
passed     the record of the newest commit on which all checks passed
summary    the summary that is printed at the end
"""
