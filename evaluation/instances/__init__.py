"""How well regions and masks fit the instances of scans."""
