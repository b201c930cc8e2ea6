"""The contrat de ville as data: what analysts write of it in ``data/contracts/<EPCI>/``, checked, and what it tells.

One module a noun: :mod:`~qpv.contract.readings`, :mod:`~qpv.contract.voice`, :mod:`~qpv.contract.referential`,
:mod:`~qpv.contract.programme`, :mod:`~qpv.contract.renewal`, :mod:`~qpv.contract.calendar`; the rules of contracts:
:mod:`~qpv.contract.parity`, :mod:`~qpv.contract.mediators`, :mod:`~qpv.contract.vigilance`, :mod:`~qpv.contract.abatement`.
:mod:`~qpv.contract.contract` puts them together.
"""
