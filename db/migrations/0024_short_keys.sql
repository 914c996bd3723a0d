-- What finds rows by an account.
{{short_keys}}
