"""The report of a network: one HTML file that needs nothing else; see `writing.write_report`."""
