"""How well a model recognises: open-set identification and verification over folders of pictures, in ISO/IEC 19795's terms."""
