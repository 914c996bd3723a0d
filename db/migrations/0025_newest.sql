-- What is about an account, and its sessions, are found from the newest on.
{{newest}}
