"""How well a model recognises: open-set identification and verification over folders of pictures, in the terms of ISO/IEC 19795."""
