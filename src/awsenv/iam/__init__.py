"""A model of IAM without a network: policies, their principals, trust policies and MFA devices.

`setup` writes and compares trust policies with it, the doctor explains refusals with it, and the sandbox refuses with
it. The tests compare it with cases from AWS's documentation.
"""
