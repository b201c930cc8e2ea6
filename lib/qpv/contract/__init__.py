"""The contrat de ville as data: what analysts write of it in ``data/contracts/<EPCI>/``, checked, and what it tells."""
