"""Documents: data in, PDF bytes out. ReportLab lives here and nowhere else."""
