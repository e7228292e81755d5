"""Objects of Kubernetes on standard input (YAML) against its own schemas; prints what is wrong with each."""
import json
import sys

import kubernetes_validate
import yaml

problems = []
kinds = []
for item in yaml.safe_load_all(sys.stdin):
    if item is None:
        continue
    kinds.append(item["kind"])
    try:
        kubernetes_validate.validate(item, "1.33", strict=True)
    except kubernetes_validate.ValidationError as error:
        problems.append(f"{item['kind']}: {error}")
print(json.dumps({"kinds": kinds, "problems": problems}))
