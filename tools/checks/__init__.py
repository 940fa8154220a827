"""Running the checks of this collection: what they are, side by side, with one summary.

steps      what is run, and on which machines
processes  a step as a process: its output, its time, and its end
report     what pytest says of each test
progress   which steps are running, and for how long
summary    what is printed at the end
"""
