"""Runs the collection on several versions of ansible-core and Python.

pythons    the Pythons of this machine, and virtual environments with them
commands   the commands of daily work on two servers of this machine
table      the outcomes, as a table
"""
