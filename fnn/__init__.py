"""Neural networks as plain functions over explicit parameters."""
