"""The door of the local cloud: who may come in, decided before anything else sees a request.

`browsers` refuses what a web page of another origin sends, `routes` says what a path belongs to, `signatures` and
`payloads` verify what AWS would verify, `middleware` puts them in front of the application.
"""
