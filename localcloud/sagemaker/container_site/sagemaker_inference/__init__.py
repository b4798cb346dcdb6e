"""The part of AWS's serving toolkit that inference code may import: its errors."""
