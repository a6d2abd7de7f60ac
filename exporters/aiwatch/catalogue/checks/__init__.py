"""What must hold between the parts of a catalogue, beyond the types of single values.

These checks look at plain data as it was written, so that one mistake does not hide another: what has the
wrong type is passed over here, the model complains about it.
"""
