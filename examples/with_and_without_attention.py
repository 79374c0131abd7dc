"""With and without attention: five random numbers, ten repeats, loss curves."""

import regard
from regard.comparison import Budget, compare

task = regard.tasks.get("first-n", length=5, n=2, cardinality=8)
budget = Budget(samples=5_000, batch=8, units=32, learning_rate=0.01)
found = compare(task, ["none", "published", "additive"], repeats=10, budget=budget)

for model in ("none", "published", "additive"):
    accuracy = found.accuracy(model)
    looked = found.on_gold(model)
    attention = "" if looked is None else f", {looked:.0%} of attention on the gold"
    print(
        f"{model:10} {accuracy.mean():.0%} right, "
        f"from {accuracy.min():.0%} to {accuracy.max():.0%}{attention}"
    )

regard.plot.curves(found.losses, found.samples_seen).save("curves.html")
