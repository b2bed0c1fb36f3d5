"""IAM without a network: policies, the principals that they name, what a trust policy asks for, and MFA devices.

`setup` writes and compares trust policies with it, the doctor explains refusals with it, and the sandbox refuses with
it. The tests hold it to cases from AWS's documentation.
"""
