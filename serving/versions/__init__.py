"""Model versions: their directories, cards and smoke tests, and changes of what is served.

Import from the modules: the training and the deployment need one of them each, without the model
server's client.
"""
