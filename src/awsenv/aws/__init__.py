"""The calls to AWS. Nothing else in awsenv opens a connection to AWS, and no error of botocore leaves this package.

Most of the modules import botocore, which takes some 110 ms: import them where they are used, inside a function.
"""
