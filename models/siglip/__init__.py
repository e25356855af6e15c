"""SigLIP 2 from folders of the Hugging Face hub."""
