"""What AWS says. Nothing else in awsenv opens a connection to AWS, and no error of botocore leaves this package.

The modules in here import botocore, which costs some 110 ms: import them where they are used, inside a function.
"""
