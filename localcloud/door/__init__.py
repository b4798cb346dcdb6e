"""The door of the local cloud: who may come in, decided before anything else sees a request.

`browsers` refuses what a web page of another origin sends, `routes` says what a path belongs to, `signatures` reads
what a request states of its sender, `verification`, `payloads` and `legacy` verify it as AWS would, and `middleware`
puts them in front of the application.
"""
