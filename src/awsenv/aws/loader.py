"""botocore's data, without the part that takes long to read and that a call of STS does not need.

botocore reads `endpoints.json`, 1.2 MB, for every first client, and looks through the folders of all its 400 services
twice to learn that there is one of the name. Both cost more than the call: 70 of 230 ms (measured on botocore 1.44.5).
The endpoints of these services come from their own rules and from `partitions.json`; of `endpoints.json` only that is
left which follows from the latter.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader, create_loader

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES = ("sts", "iam", "sso", "sso-oidc", "signin")
"""All that is ever called here."""


class LeanLoader(Loader):  # type: ignore[misc] # botocore has no types
    """Loads what botocore brings for our services, and nothing that users have added."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """Return the services without looking for them: one that is not there fails to load."""
        return list(SERVICES)

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Return data and the path of it, as botocore does, but for the endpoints."""
        if name != "endpoints":
            data: tuple[Any, str] = super().load_data_with_path(name)
            return data
        partitions, path = super().load_data_with_path("partitions")
        return {"version": 3, "partitions": [_endpoints(entry) for entry in partitions["partitions"]]}, path


def loader(data_path: str | None) -> Loader:
    """Return a loader; botocore's own where the user has added data, which may differ.

    Args:
        data_path: `data_path`, or `AWS_DATA_PATH`.
    """
    if data_path is not None or os.path.isdir(Loader.CUSTOMER_DATA_PATH):  # noqa: PTH112 - botocore's own text
        return create_loader(data_path)
    return LeanLoader()


def _endpoints(partition: dict[str, Any]) -> dict[str, Any]:
    """Return what `endpoints.json` says of a partition in general."""
    outputs, name = partition["outputs"], partition["id"]
    everywhere = f"{name}-global"
    the_one = {"credentialScope": {"region": outputs["implicitGlobalRegion"]}}
    services: dict[str, Any] = {
        "iam": {"isRegionalized": False, "partitionEndpoint": everywhere, "endpoints": {everywhere: the_one}}
    }
    if name == "aws":
        # The only partition with an STS that belongs to no region.
        services["sts"] = {
            "partitionEndpoint": everywhere,
            "endpoints": {everywhere: {**the_one, "hostname": "sts.amazonaws.com"}},
        }
    return {
        "partition": name,
        "dnsSuffix": outputs["dnsSuffix"],
        "regionRegex": partition["regionRegex"],
        "regions": partition["regions"],
        "defaults": {
            "hostname": "{service}.{region}.{dnsSuffix}",
            "protocols": ["https"],
            "signatureVersions": ["v4"],
            "variants": list(_variants(outputs)),
        },
        "services": services,
    }


def _variants(outputs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    suffix, dual_suffix = outputs["dnsSuffix"], outputs["dualStackDnsSuffix"]
    fips, plain = "{service}-fips.{region}.{dnsSuffix}", "{service}.{region}.{dnsSuffix}"
    if outputs["supportsFIPS"]:
        yield {"tags": ["fips"], "hostname": fips, "dnsSuffix": suffix}
    if outputs["supportsDualStack"]:
        yield {"tags": ["dualstack"], "hostname": plain, "dnsSuffix": dual_suffix}
    if outputs["supportsFIPS"] and outputs["supportsDualStack"]:
        yield {"tags": ["dualstack", "fips"], "hostname": fips, "dnsSuffix": dual_suffix}
