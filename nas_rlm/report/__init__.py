"""What a run is shown as: tables, later figures and pages; reads outcomes, computes nothing."""
