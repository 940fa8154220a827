"""Runs the collection on several versions of ansible-core and Python.

pythons    the Pythons of this machine, and environments made with them
commands   the commands of a day on two servers of this machine
table      the outcomes, as a table
"""
