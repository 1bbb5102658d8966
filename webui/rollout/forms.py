"""Forms of the confirmation pages."""

from django import forms


class NoteForm(forms.Form):
    """The reason of a step, which the history keeps."""

    note = forms.CharField(
        label="Why",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For the history.",
    )


class CanaryForm(NoteForm):
    """The canary's share."""

    share = forms.IntegerField(
        label="Share of visitors (%)", min_value=1, max_value=100, initial=10
    )
    field_order = ("share", "note")


class ShadowForm(NoteForm):
    """The shadow's share."""

    share = forms.IntegerField(
        label="Share of drawings (%)", min_value=1, max_value=100, initial=10
    )
    field_order = ("share", "note")


class RetireForm(NoteForm):
    """Retiring a version, with or without its files."""

    delete = forms.BooleanField(
        label="Delete its files too",
        required=False,
        help_text="Otherwise they are kept, and the version can be loaded again.",
    )
    field_order = ("delete", "note")
