"""Every word the pages show, in Korean and English, a file for each place."""
