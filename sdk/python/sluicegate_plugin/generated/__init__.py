"""Made by `generate` from sdk/wit: do not edit."""
