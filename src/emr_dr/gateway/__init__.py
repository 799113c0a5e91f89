"""The Livy gateway: one address that speaks Livy's REST protocol in front of every member of a group."""
