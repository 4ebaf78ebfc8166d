"""Rubrics and the judges that apply them: files, prompt, reply, protocol, calibration."""
