"""What is kept between two questions: derived rows, and the notes of the user."""
