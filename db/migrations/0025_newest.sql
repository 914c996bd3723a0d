-- What is about an account, and its sessions, found from the newest entry on.
{{newest}}
