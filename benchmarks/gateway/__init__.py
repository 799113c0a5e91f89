"""What the Livy gateway costs and what it saves: polls, submissions, a member's death, and memory."""
