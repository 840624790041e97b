import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('strategies', '0004_price_places'),
    ]

    operations = [
        migrations.CreateModel(
            name='AlgoId',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('broker', models.SlugField(max_length=30)),
                ('algo_id', models.CharField(max_length=20, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9]+$', 'Letters and digits only.')], verbose_name='algo id')),
                ('strategy', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='algo_ids', to='strategies.strategy')),
            ],
            options={
                'ordering': ['broker'],
                'constraints': [models.UniqueConstraint(fields=('strategy', 'broker'), name='one_algo_id_per_broker')],
            },
        ),
    ]
