"""What users can measure on their own machine: speed, latency, and where a word's time goes."""
