"""The programmes around the ledger: campaigns, rewards, water, education, funds."""
