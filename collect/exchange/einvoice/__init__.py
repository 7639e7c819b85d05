"""E-invoices as customers' systems exchange them: UBL, CII, Factur-X and ZUGFeRD PDF, Chinese OFD."""
