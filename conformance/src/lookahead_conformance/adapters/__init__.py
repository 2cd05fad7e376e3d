"""The optimizers that the kit knows by name: one module for each package."""
