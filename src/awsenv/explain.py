"""What a role comes to before anything is asked of AWS: the calls, where each value is from, what will be exported."""
