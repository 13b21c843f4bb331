"""The suite. A package, so that its parts import each other as `tests.e2e.harness`, whoever starts
pytest."""
