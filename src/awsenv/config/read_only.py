"""What "read only" means where AWS's managed policy ReadOnlyAccess cannot be used: the actions of common services.

IAM has no `*:Get*`, a policy of sts:GetScopedCredentials has at most 2,048 characters, and ReadOnlyAccess has thousands
of actions. It allows each of the patterns here. Actions that take a message from a queue, or start a query, are left
out.
"""

from __future__ import annotations

_SERVICES = {
    "acm": "Describe* List*",
    "apigateway": "GET",
    "athena": "Get* List*",
    "autoscaling": "Describe*",
    "backup": "Describe* Get* List*",
    "batch": "Describe* List*",
    "cloudformation": "Describe* Get* List*",
    "cloudfront": "Get* List*",
    "cloudtrail": "Describe* Get* List* LookupEvents",
    "cloudwatch": "Describe* Get* List*",
    "codebuild": "BatchGet* List*",
    "codepipeline": "Get* List*",
    "config": "Describe* Get* List*",
    "dynamodb": "BatchGet* Describe* Get* List* Query Scan",
    "ec2": "Describe* Get*",
    "ecr": "BatchGet* Describe* Get* List*",
    "ecs": "Describe* List*",
    "eks": "Describe* List*",
    "elasticache": "Describe* List*",
    "elasticfilesystem": "Describe*",
    "elasticloadbalancing": "Describe*",
    "es": "Describe* List*",
    "events": "Describe* List*",
    "health": "Describe*",
    "iam": "Get* List*",
    "kinesis": "Describe* Get* List*",
    "kms": "Describe* Get* List*",
    "lambda": "Get* List*",
    "logs": "Describe* FilterLogEvents Get*",
    "organizations": "Describe* List*",
    "rds": "Describe* List*",
    "redshift": "Describe*",
    "resource-groups": "Get* List*",
    "route53": "Get* List*",
    "s3": "Get* List*",
    "secretsmanager": "Describe* List*",
    "sns": "Get* List*",
    "sqs": "Get* List*",
    "ssm": "Describe* Get* List*",
    "states": "Describe* List*",
    "sts": "GetCallerIdentity",
    "tag": "Get*",
    "wafv2": "Get* List*",
}

ACTIONS = tuple(f"{service}:{verb}" for service, verbs in _SERVICES.items() for verb in verbs.split())
"""Patterns of actions. A `*` is only at the end of one."""

SERVICES = tuple(_SERVICES)

MANAGED = "ReadOnlyAccess"
"""The name of AWS's managed policy."""
