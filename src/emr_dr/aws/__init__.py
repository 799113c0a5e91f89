"""One thin class for each AWS service we need; boto3 is known nowhere else, and its errors leave here as our own."""
